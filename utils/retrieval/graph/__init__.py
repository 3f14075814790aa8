"""The knowledge graph: triples, entity linking, and a retriever that traverses it."""
