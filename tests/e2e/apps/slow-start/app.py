import os
import time
from http.server import HTTPServer, SimpleHTTPRequestHandler

print("warming up")
time.sleep(float(os.environ.get("WARM_UP_SECONDS", "4")))
HTTPServer(("0.0.0.0", int(os.environ["PORT"])), SimpleHTTPRequestHandler).serve_forever()
