"""A server put together: engine, vault, documents, assistant, clock, door and socket."""
