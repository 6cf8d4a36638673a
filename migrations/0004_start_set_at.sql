-- Who books or moves a visit less than a day ahead gets no reminder. A reminder that is made late,
-- because its store was away, must ask that of the hour at which the visit was booked or moved.

-- When the visit's start was set, by the product's clock; null where an earlier release set it.
alter table scheduler.appointments add column start_set_at timestamptz;
