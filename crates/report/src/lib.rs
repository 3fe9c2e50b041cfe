//! What a person or a tool reads: terminal, JSON, SARIF, Markdown.
