"""ONNX models made into TFLite by a tool of its own environment, kept, and compared with what they were made of."""
