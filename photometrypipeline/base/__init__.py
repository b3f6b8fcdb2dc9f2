"""What every part stands on: errors, files, the LOG, losses, workers, the client of outside services."""
