"""What a row of logits costs, one file each."""
