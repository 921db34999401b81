"""Is a potential sound? Identities that energies, forces, virials and flux must obey."""
