"""What the ingress answers over HTTP, as an OpenAPI 3.1 document: at `/openapi.json`, and in docs/openapi.json.

The document is data, written beside what it describes: each module here has the paths of some of the doors, and schemas
come from the structs that the doors answer with where there are such. A test walks the routes and holds the two
together; another holds docs/openapi.json equal to what is served.
"""

from ingress.openapi.document import document, written

__all__ = ["document", "written"]
