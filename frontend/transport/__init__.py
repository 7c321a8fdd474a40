"""Streamlit without a WebSocket: its messages over Engine.IO long polling, for hosts that pass no upgrade.

``frames`` cuts messages to size, ``bridge`` shows the application a websocket, ``endpoint`` answers the polls, and
``script`` gives the browser an object that looks like a WebSocket. See docs/decisions/040-polling-transport.md.
"""
