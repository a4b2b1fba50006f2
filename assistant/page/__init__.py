"""The chat page's parts: texts, rendering and the guard before every route.

Nothing here decides anything: it turns an ``Answer`` or an ``Article`` into markup, with
every word escaped. Gradio and FastAPI are wired in the top-level ``ui`` module only.
"""
