"""`netbilld demo`: the whole daemon on loopback, with a simulated NAS and moving traffic."""
