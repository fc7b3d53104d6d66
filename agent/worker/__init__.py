"""The worker: it registers at LiveKit and runs every job that the site dispatches."""
