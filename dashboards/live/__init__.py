"""The built-in live page: an HTTP API over the one reader, server-sent events, and static modules."""
