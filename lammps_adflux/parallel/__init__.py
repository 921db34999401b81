"""Values spread over MPI ranks."""
