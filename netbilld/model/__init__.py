"""The shared vocabulary: frozen values without behaviour of the outer world."""
