"""Who may have a session now, and who waits in line for one."""
