"""Settings and profiles as data: reading TOML, and where a secret comes from."""
