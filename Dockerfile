# docker build -t photometrypipeline .
# docker run --rm -v "$PWD":/data photometrypipeline     runs the example in ./example; docs/installation.md has more
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv python3-tk source-extractor scamp swarp \
    && rm -rf /var/lib/apt/lists/*

# The pinned packages change less often than the sources: they come first.
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/pp && /opt/pp/bin/pip install --no-cache-dir -r /tmp/requirements.txt

COPY . /tmp/photometrypipeline
RUN /opt/pp/bin/pip install --no-cache-dir --no-deps /tmp/photometrypipeline && rm -rf /tmp/photometrypipeline

ENV PATH=/opt/pp/bin:$PATH \
    XDG_DATA_HOME=/data/.photometrypipeline \
    XDG_CONFIG_HOME=/data/.photometrypipeline/config \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /data
CMD ["pp_run", "-example", "example"]
