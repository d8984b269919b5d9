"""What runs and when: thin Prefect flows over the services, and the clock."""
