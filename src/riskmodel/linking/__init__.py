"""At the linking party: who is who across agencies, and pseudonyms for everybody else."""
