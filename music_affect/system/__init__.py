"""What any program needs: files, worker processes, the console, the machine."""
