"""The smallest Python app that Nuri is tried with: Flask, served by gunicorn."""

import platform

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def hello():
    text = f"Hello from Python {platform.python_version()}.\n"
    return text, {"Content-Type": "text/plain; charset=utf-8"}


@app.after_request
def log(response):
    print(request.method, request.path, response.status_code)
    return response
