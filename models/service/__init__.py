"""The ML service: photos to faces and embeddings, embeddings to matches, over HTTP. No state."""
