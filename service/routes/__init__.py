"""The routes, by what they are about."""

from service.routes.catalogue import router as catalogue
from service.routes.health import router as health
from service.routes.images import router as images
from service.routes.jobs import router as jobs

ROUTERS = (jobs, images, catalogue, health)

__all__ = ["ROUTERS"]
