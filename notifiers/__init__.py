"""What is sent: digests composed, rendered, built into messages, and put on the wire."""
