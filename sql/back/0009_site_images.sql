-- What workers offer is told again when they connect to a program that knows it.
drop table site_thing;
drop table site_offer;
