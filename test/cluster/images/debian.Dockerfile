# Stand-in for docker.io/library/debian:trixie-slim: what debootstrap made, without what
# the slim image leaves out too.
FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
