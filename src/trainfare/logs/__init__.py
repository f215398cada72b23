"""Readers of what a training wrote of itself: MLPerf, TensorBoard, JSON lines, tables, nanoGPT."""
