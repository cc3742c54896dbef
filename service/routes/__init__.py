"""The routes, by what they are about."""

from service.routes.catalogue import router as catalogue
from service.routes.health import router as health
from service.routes.images import router as images
from service.routes.jobs import router as jobs
from service.routes.pictures import router as pictures

ROUTERS = (jobs, images, pictures, catalogue)
OPEN_ROUTERS = (health,)  # these need no key

__all__ = ["OPEN_ROUTERS", "ROUTERS"]
