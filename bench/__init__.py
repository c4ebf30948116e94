"""The gateway's speed, beside others on the same machine in the same run."""
