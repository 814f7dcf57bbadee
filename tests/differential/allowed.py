"""What nginx or Node.js do not take though the router does, and why that is well.

(peer, what it says, a pattern of the sender's bytes, why). It says its status or its error's code;
"closes", "waits" or (a client) "nothing" when it does neither take nor refuse; "more" when it
takes what the router waits for the rest of. What both take they must read the same way: nothing
here changes that.
"""

import re

# Node.js from 20 on says so, 18 is silent.
_PROXY_CONNECTION = "Node.js takes Proxy-Connection for Connection; it is not passed on"
_INTERIM = "Node.js takes an interim answer's version and Connection for the final one's"

ALLOWED = [
    ("nginx", "405", rb"(^|\n)TRACE ", "nginx serves no TRACE; it is the app's to refuse"),
    ("nginx", "400", rb"(?i) (https?://[^/ ]*)?/[^ ]*(\.|%2e)(\.|%2e)",
     "nginx resolves dot segments and refuses to leave the root; the router leaves paths alone"),
    ("nginx", "400", rb"(?i) (https?://[^/ ]*)?/[^ ]*%(00|.?[^0-9a-f])",
     "nginx decodes paths and refuses what is no good escape; the router leaves paths alone"),
    ("nginx", "400", rb"(^|\n)OPTIONS \* ", "nginx does not serve OPTIONS *"),
    ("nginx", "400",
    rb"(?is)\n(if-[a-z-]+|content-type|content-range|range|te|upgrade|"
     rb"authorization|user-agent|referer):[^\n]*\n(.*\n)?\1:",
     "nginx refuses fields given twice that mean nothing to framing; they are the app's to refuse"),
    ("nginx", "more", rb"(^|\n)GET (?![^\n]* HTTP/\d)[^\n]*\n",
     "nginx takes a line without a version for HTTP/0.9, the router for a head that is cut"),
    ("nginx", "closes", rb"(?i)connection:[^\n]*close",
     "nginx finds 'close' within other words too, and the client asks again"),
    ("node", "HPE_CLOSED_CONNECTION", rb"(?i)proxy-connection:", _PROXY_CONNECTION),
    ("node", "waits", rb"(?i)proxy-connection:", _PROXY_CONNECTION),
    ("node", "more", rb"\r\n\r\r$",
     "Node.js 18 takes a head whose very last line feed is a carriage return"),
    ("node", "waits", rb"(?i)upgrade:",
     "Node.js drops what is pipelined behind a request that asks for an upgrade; the router sends "
     "it after the answer only"),
    ("node-client", "HPE_CLOSED_CONNECTION", rb"^HTTP/1\.[01] 1\d\d ", _INTERIM),
    ("node-client", "nothing", rb"^HTTP/1\.[01] 1\d\d ", _INTERIM),
]


def allowed(peer, said, data, counts):
    """Whether it is, counted by why."""
    for who, what, pattern, why in ALLOWED:
        if who == peer and what == said and re.search(pattern, data):
            counts[why] = counts.get(why, 0) + 1
            return True
    return False
