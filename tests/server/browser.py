"""What a browser does of HTTP: keeps cookies, follows no redirect by itself, says where it is."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """A browser at *url*, with a jar of its own."""

    def __init__(self, url):
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), _Stay
        )

    def go(self, path, form=None, headers=None, method=None):
        """(status, headers, text) of one request; a POST where there is a form."""
        where = path if "://" in path else self.url + path
        body = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(
            where, body, {"Accept": "text/html", **(headers or {})}, method=method
        )
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def cookie(self, name="trainfare_session"):
        return next((one for one in self.jar if one.name == name), None)
