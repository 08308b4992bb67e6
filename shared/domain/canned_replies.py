"""Canned replies: texts that people of the business send again and again."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class CannedReply(BaseModel):
    """`short_code`, in lower case, is what somebody types to get the text; a tenant has one reply for each."""

    id: str
    tenant_id: str
    short_code: str
    text: str
    created_at: datetime
    updated_at: datetime


class CannedReplyCode(BaseModel):
    """Which reply has a short code, under an id made of it: keeps short codes unique."""

    tenant_id: str
    reply_id: str
