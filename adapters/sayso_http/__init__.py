"""The service over HTTP: the routes of the API, a client that is a desk, and signed callbacks. It decides nothing."""
