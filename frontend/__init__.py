"""The page that a laboratory opens in its browser. It talks to the API through ``client`` and to nothing else."""
