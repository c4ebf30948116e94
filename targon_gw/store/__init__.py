"""What the disk sees: the state folder, the ledger's files, the snapshot, and the way back from any end."""
