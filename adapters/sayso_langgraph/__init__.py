"""LangGraph and LangChain agents pause with interrupts; people answer."""
