# One image, several commands: routecard api | worker | beat | migrate | simulator | …
# The Python is the one the tests run on.
FROM python:3.11.14-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY .ci/install .ci/install
COPY requirements/ requirements/
RUN python -m venv /venv \
    && sh .ci/install /venv/bin/python requirements/base.txt \
    && sh .ci/install python requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY api/ api/
COPY shared/ shared/
COPY worker/ worker/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && sh .ci/install /venv/bin/python -- dist/*.whl

FROM python:3.11.14-slim-trixie
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/routecard routecard
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 ROUTECARD_HOME=/var/lib/routecard
USER routecard
WORKDIR /var/lib/routecard
EXPOSE 3000
CMD ["routecard", "api"]
