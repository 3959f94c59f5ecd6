"""Where cells run: in this process, or in processes on this machine. The numbers are the same."""
