"""End with 0 where errata answers on this machine. The image has no curl."""

import base64
import os
import urllib.request

user = os.environ.get("ERRATA_BACKEND_USER", "errata")
login = base64.b64encode(f"{user}:{os.environ.get('ERRATA_BACKEND_PASSWORD', '')}".encode()).decode()
request = urllib.request.Request(
    f"http://127.0.0.1:{os.environ.get('ERRATA_PORT', '9090')}/health", headers={"Authorization": f"Basic {login}"}
)
# Never through the proxy of the environment.
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
