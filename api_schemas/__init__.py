"""The wire contract of Pentimento: everything that crosses HTTP, and nothing else."""

from api_schemas.base import IMAGE_ID, JOB_ID, ImageId, JobId, Notice, Request, Response, Time, now
from api_schemas.catalogue import Image, ImageList, ImageStatus, MethodInfo, ModelInfo
from api_schemas.deliveries import Delivery, DeliveryList, DeliveryStatus, DeliveryTry
from api_schemas.errors import PROBLEM_JSON, ErrorCode, FieldError, Problem
from api_schemas.jobs import Accepted, Job, JobEvent, JobKind, JobList, JobStatus, Links, Progress
from api_schemas.prompts import ComparedWord, Comparison, PromptPair, WordChange
from api_schemas.requests import EditRequest, InvertOptions, InvertRequest, OutputFormat, Submission
from api_schemas.results import EditedImage, EditResult, InvertResult, Metrics, Timings, WordAttention

__all__ = [
    "IMAGE_ID",
    "JOB_ID",
    "PROBLEM_JSON",
    "Accepted",
    "ComparedWord",
    "Comparison",
    "Delivery",
    "DeliveryList",
    "DeliveryStatus",
    "DeliveryTry",
    "EditRequest",
    "EditResult",
    "EditedImage",
    "ErrorCode",
    "FieldError",
    "Image",
    "ImageId",
    "ImageList",
    "ImageStatus",
    "InvertOptions",
    "InvertRequest",
    "InvertResult",
    "Job",
    "JobEvent",
    "JobId",
    "JobKind",
    "JobList",
    "JobStatus",
    "Links",
    "MethodInfo",
    "Metrics",
    "ModelInfo",
    "Notice",
    "OutputFormat",
    "Problem",
    "Progress",
    "PromptPair",
    "Request",
    "Response",
    "Submission",
    "Time",
    "Timings",
    "WordAttention",
    "WordChange",
    "now",
]
