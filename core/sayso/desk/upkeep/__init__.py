"""What goes on beside requests: duties of one process, the log, stops, who waits."""
