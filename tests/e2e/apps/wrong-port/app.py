from http.server import HTTPServer, SimpleHTTPRequestHandler

print("listening where I like")
HTTPServer(("0.0.0.0", 3210), SimpleHTTPRequestHandler).serve_forever()
