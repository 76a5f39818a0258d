"""What this machine keeps: files that stay written, blocks, archives, a workspace, a reader's memory."""
