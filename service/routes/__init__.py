"""The routes, by what they are about."""

from service.routes.catalogue import router as catalogue
from service.routes.deliveries import router as deliveries
from service.routes.events import router as events
from service.routes.health import router as health
from service.routes.images import router as images
from service.routes.jobs import router as jobs
from service.routes.metrics import router as metrics
from service.routes.openai import router as openai
from service.routes.pictures import router as pictures
from service.routes.prompts import router as prompts
from service.routes.reference import router as reference
from service.routes.studio import StudioFiles
from service.routes.studio import router as studio
from service.routes.submissions import router as submissions

ROUTERS = (submissions, jobs, events, deliveries, images, pictures, prompts, catalogue, metrics, openai)
OPEN_ROUTERS = (health, studio, reference)  # these need no key

__all__ = ["OPEN_ROUTERS", "ROUTERS", "StudioFiles"]
