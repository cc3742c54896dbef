"""What a GPU gives: agreement with the processor, then seconds, memory and costs at random weights."""
