"""The pages and the HTTP API: doors to the appliance, and nothing else."""
