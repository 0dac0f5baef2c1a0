"""A cloud of our own, written from the API document; shares no code with the rest of cftui."""
