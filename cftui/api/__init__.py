"""The cloud's HTTP API: one method an endpoint; what came back, typed; what went wrong, typed."""
