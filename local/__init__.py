"""The service on a laptop: real HTTP in front of the very handler that Lambda runs."""
