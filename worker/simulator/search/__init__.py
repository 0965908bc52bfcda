"""Search and JQL of the simulator."""
