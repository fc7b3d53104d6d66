"""The parts that listen, answer and speak, built from the environment."""
