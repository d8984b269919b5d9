"""Views: what people look at: a plan run, its stages, what is to come; CLI and Prefect alike."""
