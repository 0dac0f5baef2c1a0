"""What is known of the cloud, how old it is, and what is allowed. No I/O and no clock."""
