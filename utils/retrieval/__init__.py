"""From documents to ranked passages: chunks, indexes, fusion, reranking, the pipeline, the knowledge graph."""
from .. import lazy_names

_FILES = {
    "chunking": ["chunk_by_section", "contextual_header", "fixed_size_chunks", "section_chunks", "token_counter"],
    "dense": ["DenseIndex", "EvidenceFilteredRetriever", "best_of_each", "distinct_documents", "search_documents"],
    "storage": ["index_damage"],
    "bm25": ["BM25Index", "bm25_tokens"],
    "fusion": ["CROSS_ENCODER", "reciprocal_rank_fusion", "standardise", "untrained_cross_encoder"],
    "pipeline": ["BI_ENCODER", "PipelineConfig", "RetrievalPipeline", "SELECTED_CONFIG", "adapter_digests",
                 "load_selected_config"],
    "finetuning": ["RetrieverTraining", "hard_negatives", "train_embedder"],
    "graph.triples": ["SCORED_RELATIONS", "extract_triples"],
    "graph.retriever": ["GraphRetriever"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)
